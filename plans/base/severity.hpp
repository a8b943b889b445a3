// How much a finding matters. Constant data; any thread.
#pragma once

namespace pgphase {

enum class Severity {
  note,     // true, and nothing to be done about it
  warning,  // it may do harm: what decides it is not known, or lies with the rows
  error,    // it does harm
};
const char* to_string(Severity severity);

}  // namespace pgphase
