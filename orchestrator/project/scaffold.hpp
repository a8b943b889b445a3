// `pgphase init` and `pgphase new`: the files that a person begins with. Both only ever create; nothing that exists is
// written to. Blocking file access; any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "plans/base/names.hpp"
#include "plans/base/result.hpp"

namespace pgphase {

// Makes `folder`/pgphase.toml, all settings in it as comments, and the folder migrations/ beside it unless it is there.
// Returns what was made, relative to `folder`. Errc::refused when pgphase.toml exists or the folder is not writable.
Result<std::vector<std::string>> init_project(const std::filesystem::path& folder);

// Makes a plan file with the next number, whose `requires` names the last of `existing`, and returns its path. The name
// may have blanks, dashes and capitals, which become "_" and small letters. Errc::usage for a name that cannot be a
// file name's part; Errc::refused when the folder is missing or not writable.
Result<std::string> new_plan(const std::filesystem::path& plans_folder, std::string_view name,
                             const std::vector<PlanId>& existing);

// What the two write.
std::string settings_template();
std::string plan_template(std::string_view description, const std::vector<PlanId>& required);

}  // namespace pgphase
