#include "phases/postgres/conninfo_text.hpp"

#include "phases/postgres/conninfo_keys.hpp"

#include <fmt/format.h>

#include <cctype>
#include <optional>

namespace pgphase::conninfo {
namespace {

constexpr const char* k_encode_hint =
    "In a URI, write these characters of a user name or password percent-encoded: @ as %40, / as %2F, : as %3A, "
    "? as %3F, % as %25.";

Error malformed(std::string what, std::string next = {}) {
  return make_error(Errc::usage, "the connection string cannot be read: " + std::move(what), std::move(next));
}

bool is_space(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Once, never twice: %2540 is "%40". A plus is a plus, as libpq has it. `part` names the piece in the error, whose
// text may be a secret.
Result<std::string> percent_decode(std::string_view text, const char* part) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return malformed(fmt::format("in the {}, a % is not followed by two hexadecimal digits", part),
                       "A literal % is written %25. (alembic.ini doubles every %: take one of each two away.)");
    }
    const int byte = high * 16 + low;
    if (byte == 0) return malformed(fmt::format("the {} holds %00, which PostgreSQL does not allow", part));
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  int port = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    port = port * 10 + (c - '0');
  }
  return port >= 1 && port <= 65535;
}

// The length of "scheme://", or 0 when the text does not begin with one.
std::size_t scheme_length(std::string_view text) {
  const std::size_t end = text.find("://");
  if (end == std::string_view::npos || end == 0) return 0;
  for (const char c : text.substr(0, end)) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '+' && c != '-' && c != '.' && c != '_') return 0;
  }
  return end;
}

// user:password@ , both percent-decoded.
Result<void> read_userinfo(std::string_view userinfo, RawText& out) {
  const std::size_t colon = userinfo.find(':');
  PGPHASE_TRY(user, percent_decode(userinfo.substr(0, colon), "user name"));
  if (!user.empty()) out.pairs.push_back({"user", user});
  if (colon == std::string_view::npos) return {};
  PGPHASE_TRY(password, percent_decode(userinfo.substr(colon + 1), "password"));
  if (!password.empty()) out.pairs.push_back({"password", password});
  return {};
}

Result<void> read_query(std::string_view query, RawText& out) {
  // An unescaped '?' in a password puts the rest of it, up to the '@', here.
  const bool may_hold_password = query.find('@') != std::string_view::npos;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view item = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    if (item.empty()) continue;
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) return malformed("a parameter after the ? has no =", k_encode_hint);
    PGPHASE_TRY(key, percent_decode(item.substr(0, equals), "name of a parameter"));
    PGPHASE_TRY(value, percent_decode(item.substr(equals + 1), "value of a parameter"));
    out.pairs.push_back({key, value, !may_hold_password});
  }
  return {};
}

Result<RawText> read_uri(std::string_view text, std::size_t scheme_end) {
  RawText out;
  out.scheme = text.substr(0, scheme_end);
  for (char& c : out.scheme) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::string_view rest = text.substr(scheme_end + 3);

  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  rest.remove_prefix(authority.size());
  // The last '@', where libpq takes the first: no host can hold one, so a bare '@' belongs to the password. libpq
  // would look up a host name that has half of the password in it, and print it.
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) PGPHASE_CHECK(read_userinfo(authority.substr(0, at), out));
  std::string_view hosts = at == std::string_view::npos ? authority : authority.substr(at + 1);

  const std::string_view path = rest.substr(0, rest.find('?'));
  rest.remove_prefix(path.size());
  // The same for an unescaped '/': what follows it would be taken for the database's name, and shown.
  if (path.find('@') != std::string_view::npos) {
    return malformed("there is an @ after the first /, so that host and password cannot be told apart", k_encode_hint);
  }

  while (!hosts.empty()) {
    const std::size_t comma = hosts.find(',');
    PGPHASE_TRY(host, split_host_port(hosts.substr(0, comma)));
    PGPHASE_TRY(decoded, percent_decode(host.host, "host"));
    out.hosts.push_back({decoded, host.port});
    hosts = comma == std::string_view::npos ? std::string_view{} : hosts.substr(comma + 1);
  }
  if (path.size() > 1) {
    PGPHASE_TRY(dbname, percent_decode(path.substr(1), "database's name"));
    out.pairs.push_back({"dbname", dbname});
  }
  if (!rest.empty()) PGPHASE_CHECK(read_query(rest.substr(1), out));
  return out;
}

// One value of a key=value string: bare up to a space, or in single quotes; a backslash takes the next character.
// Nothing when the quote is not closed.
std::optional<std::string> read_value(std::string_view& rest) {
  std::string value;
  const bool quoted = !rest.empty() && rest.front() == '\'';
  if (quoted) rest.remove_prefix(1);
  while (!rest.empty() && (quoted ? rest.front() != '\'' : !is_space(rest.front()))) {
    if (rest.front() == '\\' && rest.size() > 1) rest.remove_prefix(1);
    value += rest.front();
    rest.remove_prefix(1);
  }
  if (!quoted) return value;
  if (rest.empty()) return std::nullopt;
  rest.remove_prefix(1);
  return value;
}

Result<RawText> read_key_value(std::string_view rest) {
  RawText out;
  bool after_password = false;
  for (rest = trim(rest); !rest.empty(); rest = trim(rest)) {
    const std::size_t equals = rest.find('=');
    const std::string_view key = trim(rest.substr(0, equals));
    if (equals == std::string_view::npos || key.find_first_of(" \t\r\n") != std::string_view::npos) {
      if (out.pairs.empty()) {
        return malformed("it is neither a URI nor key=value pairs",
                         "Write postgresql://user@host:5432/dbname, or host=… dbname=… user=….");
      }
      const RawPair& before = out.pairs.back();
      return malformed("there is a word without =" + (before.key_is_safe_to_print ? " after " + before.key : ""),
                       "A value with spaces stands in single quotes; a ' or \\ within it has a \\ before it.");
    }
    if (key.empty()) return malformed("there is a = without a key before it");
    RawPair pair{std::string(key), {}, !after_password};
    rest = trim(rest.substr(equals + 1));
    auto value = read_value(rest);
    if (!value) {
      return malformed("a single quote is not closed", "Within quotes, a ' or \\ has a \\ before it.");
    }
    pair.value = std::move(*value);
    // A password with an unquoted space goes on in what look like the next keys, until one that we know.
    const bool known = find_key(pair.key).use != KeyUse::unknown;
    after_password = pair.key == "password" || pair.key == "sslpassword" || (after_password && !known);
    out.pairs.push_back(std::move(pair));
  }
  return out;
}

}  // namespace

Result<HostPort> split_host_port(std::string_view text) {
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return malformed("the [ of an IPv6 address is not closed");
    host = text.substr(1, close - 1);
    port = text.substr(close + 1);
    if (!port.empty() && port.front() != ':')
      return malformed("after the ] of an IPv6 address a :port may follow, nothing else");
    if (!port.empty()) port.remove_prefix(1);
  } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  // The text is not shown: with an unescaped '/' in the password, the "port" is the password's beginning.
  if (!port.empty() && !is_port(port)) return malformed("the port is not a number from 1 to 65535", k_encode_hint);
  return HostPort{std::string(host), std::string(port)};
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> out;
  while (true) {
    const std::size_t comma = text.find(',');
    out.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

Result<RawText> take_apart(std::string_view text) {
  text = trim(text);
  if (text.empty()) return malformed("it is empty");
  if (text.find('\0') != std::string_view::npos) return malformed("it holds a zero byte");
  const std::size_t scheme_end = scheme_length(text);
  return scheme_end > 0 ? read_uri(text, scheme_end) : read_key_value(text);
}

}  // namespace pgphase::conninfo
