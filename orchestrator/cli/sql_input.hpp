// SQL that a person names on the command line: a file, a folder of them, or standard input. Blocking; main thread.
#pragma once

#include <string>
#include <vector>

#include "plans/base/result.hpp"

namespace pgphase {

// A folder stands for the files *.sql below it, in the order of their names; "-" and a file for themselves. Errc::usage
// when there is none.
Result<std::vector<std::string>> sql_files(const std::string& path);

// All of it. Errc::usage when it cannot be read.
Result<std::string> sql_text(const std::string& path);

}  // namespace pgphase
