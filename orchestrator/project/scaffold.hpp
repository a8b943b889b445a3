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
// The same with a text of its own, which begins with `format` and gets `requires` behind that.
Result<std::string> new_plan_of(const std::filesystem::path& plans_folder, std::string_view name,
                                const std::vector<PlanId>& existing, std::string_view text);
// Ids of the plans in a folder by their files' names: one that cannot be read has its number all the same. Empty where
// there is no folder.
std::vector<PlanId> plans_in(const std::filesystem::path& plans_folder);
// Letters, digits and "_" of a text, as far as a plan's name holds them; `otherwise` when nothing is left.
std::string plan_name_from(std::string_view text, std::string_view otherwise);

// What the two write.
std::string settings_template();
std::string plan_template(std::string_view description, const std::vector<PlanId>& required);

}  // namespace pgphase
