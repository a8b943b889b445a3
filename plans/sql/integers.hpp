// libpg_query writes a parse tree as JSON, and leaves every integer out that is not above zero: -1 and 0 look alike. Its
// protobuf has them all, so that they are taken from there. Private to plans/sql. Pure; any thread.
#pragma once

#include <boost/json.hpp>
#include <string>

namespace pgphase::tree {

// `tree`: what the parser has made of `sql`.
void restore_integers(const std::string& sql, boost::json::value& tree);

}  // namespace pgphase::tree
