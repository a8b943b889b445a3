// The database that `pgphase rehearse` works on, chosen by its options. Blocking; one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "orchestrator/cli/program.hpp"
#include "phases/branch/branch.hpp"

namespace pgphase {

struct BranchWishes {
  std::string kind;         // --branch; empty: template, else copy
  bool disposable = false;  // the database of --branch url may be worked on
  std::optional<int> sample_rows;
};

// `beyond`: a step that changes what all databases of a server share; empty: there is none. Such plans are not
// rehearsed beside their source.
Result<std::unique_ptr<Branch>> make_branch(Program& program, const BranchWishes& wishes, const std::string& beyond);

}  // namespace pgphase
