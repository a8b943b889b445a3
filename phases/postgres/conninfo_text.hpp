// The first half of reading a connection string: its text taken apart into keys and values, percent-encoding and
// quoting undone, nothing interpreted yet. Pure; any thread. Only conninfo.cpp uses it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plans/base/result.hpp"

namespace pgphase::conninfo {

struct RawPair {
  std::string key;
  std::string value;
  // False where the key may be a piece of a password that was not quoted or percent-encoded: it must not be printed.
  bool key_is_safe_to_print = true;
};

struct HostPort {
  std::string host;  // may be empty: libpq's default
  std::string port;  // likewise
};

struct RawText {
  std::string scheme;           // "postgresql+asyncpg"; empty for key=value strings
  std::vector<HostPort> hosts;  // a URI's authority
  std::vector<RawPair> pairs;   // everything else, in order; a key may repeat
};

Result<RawText> take_apart(std::string_view text);

// "host:port" with the port optional and an IPv6 address in brackets.
Result<HostPort> split_host_port(std::string_view text);

// At the commas; "" is one empty item.
std::vector<std::string> split_list(std::string_view text);

}  // namespace pgphase::conninfo
