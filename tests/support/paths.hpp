// Where the tests find the program and the repository.
#pragma once

#include <filesystem>

namespace pgphase::testing {

// $PGPHASE_BINARY, else the binary of this build.
std::filesystem::path pgphase_binary();

// The top of the repository: migrations/, docs/ and the rooms.
std::filesystem::path source_folder();

// The build's folder: compile_commands.json.
std::filesystem::path build_folder();

}  // namespace pgphase::testing
