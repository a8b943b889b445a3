// What somebody has to know of a statement before it runs on a database that is in use: who waits for how long, what
// fails from then on, what is gone. Follows from the statement's effects alone, so that it is true as far as they are
// (docs/design/effects.md). Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "plans/base/severity.hpp"
#include "plans/effects/effects.hpp"

namespace pgphase {

struct Harm {
  Severity severity = Severity::note;
  const Rule* rule = nullptr;
  TableName relation;   // that it befalls; may be empty
  std::string object;   // the column, constraint or index; may be empty
  std::string message;  // a sentence without its full stop
  std::string toml;     // entries of a plan that do it without the harm, where somebody has added them; or empty
  bool refused = false;  // by the server: nothing happens at all
};

// The worst first. Empty: the statement may run at any hour, given a short lock timeout.
std::vector<Harm> harms_of(const StatementEffects& effects);

}  // namespace pgphase
