// What is in a database, as text that can be compared: pg_dump's where its version fits the server, else a listing out
// of the catalogues (Debian's pg_dump 15 refuses newer servers). Both hold everything that tests look for, without the
// random lines. Throws std::runtime_error.
#pragma once

#include <string>
#include <vector>

namespace pgphase::testing {

std::string schema_dump(const std::string& url, const std::vector<std::string>& without_schemas = {"pgphase"});
std::string full_dump(const std::string& url);  // schema and rows

// What one dump of a schema says and the other does not, a line each; empty: they are the same but for the order of
// columns, and for what is pgphase's own.
std::string schema_difference(const std::string& sql, const std::string& plans);

}  // namespace pgphase::testing
