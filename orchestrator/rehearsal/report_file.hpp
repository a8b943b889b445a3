// The report of a rehearsal in a file, in the form that the file's name asks for. Blocking; any thread.
#pragma once

#include <string>
#include <vector>

#include "orchestrator/rehearsal/report.hpp"
#include "plans/base/result.hpp"

namespace pgphase {

// Errc::usage for a name that says no known form, or a folder in which nothing can be written: asked before the work.
Result<void> reports_can_be_written(const std::vector<std::string>& files);
Result<void> write_report(const Rehearsal& rehearsal, const std::string& file);

}  // namespace pgphase
