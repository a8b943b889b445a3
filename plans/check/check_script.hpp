// A file of ordinary SQL, statement by statement: what each would do to a database in use, with what is known from
// those before it. Pure; any thread.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plans/effects/harm.hpp"
#include "plans/effects/known.hpp"
#include "plans/toml/value.hpp"

namespace pgphase {

struct ScriptFinding {
  Severity severity = Severity::note;
  const Rule* rule = nullptr;
  Position begin, end;  // of the statement; `end` is behind its last character
  TableName relation;   // that it befalls; may be empty
  std::string message;  // a sentence without its full stop
  std::string toml;     // the [[change]] that does it without the harm, or empty
};

struct ScriptReport {
  std::vector<ScriptFinding> findings;  // in the order of the file
  std::size_t statements = 0;
  std::size_t waived = 0;  // findings that a waiver has taken away
};

struct ScriptOptions {
  Known known;                  // before the first statement
  bool in_transaction = false;  // whoever runs the file does it in one transaction
};

ScriptReport check_script(std::string_view text, ScriptOptions options);

// Every table that the statements name, as far as they can be parsed.
std::set<TableName> tables_in(std::string_view text);

}  // namespace pgphase
