// Text to values. The only code that knows the TOML library is parse.cpp. Pure, but for read_text_file; any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "plans/toml/diagnostic.hpp"
#include "plans/toml/value.hpp"

namespace pgphase {

// A plan is read and parsed by people; a megabyte of it is a mistake (a dump, a data file).
inline constexpr std::size_t k_max_file_bytes = 1U << 20;

// `file` is the name that diagnostics carry. Nothing is thrown. Refused: more than k_max_file_bytes, nothing but
// blanks, NUL bytes, bytes that are not UTF-8, and what is not TOML.
Checked<Document> parse_toml(std::string_view text, std::string file);

// The file's bytes, or why they cannot be had (missing, a directory, unreadable, larger than k_max_file_bytes).
Checked<std::string> read_text_file(const std::filesystem::path& path);

}  // namespace pgphase
