// The first half of reading a connection string: its text taken apart into keys and values, percent-encoding and
// quoting undone, nothing interpreted yet. Pure; any thread. Only conninfo.cpp uses it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plans/base/result.hpp"

namespace pgphase::conninfo {

struct RawPair {
  std::string key;
  std::string value;
  // False where the key may be a piece of a password that was not quoted or percent-encoded: it must not be printed.
  bool key_is_safe_to_print = true;
};

struct RawText {
  std::string scheme;  // "postgresql+asyncpg"; empty for key=value strings
  // In order; a key may repeat. Hosts named in a URI's authority come as one pair each: "host" then its "port", the
  // latter empty when not given. A query's `host=h1:5432` is still in one piece.
  std::vector<RawPair> pairs;
  std::vector<std::string> authority_hosts, authority_ports;  // of equal length
};

Result<RawText> take_apart(std::string_view text);

}  // namespace pgphase::conninfo
