#include "phases/postgres/conninfo.hpp"

#include "phases/postgres/conninfo_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pgphase {
namespace {

std::string quoted(std::string_view value) {
  std::string out = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + '\'';
}

}  // namespace

std::string_view ConnInfo::get(std::string_view key) const {
  for (const auto& [name, value] : pairs) {
    if (name == key) return value;
  }
  return {};
}

bool ConnInfo::has(std::string_view key) const {
  return std::any_of(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == key; });
}

ConnInfo ConnInfo::with(std::string_view key, std::string_view value) const {
  ConnInfo copy = *this;
  for (auto& [name, old] : copy.pairs) {
    if (name != key) continue;
    old = value;
    return copy;
  }
  copy.pairs.emplace_back(key, value);
  return copy;
}

std::string ConnInfo::to_libpq() const {
  std::string out;
  const auto add = [&](std::string_view key, std::string_view value) {
    if (!out.empty()) out += ' ';
    out += fmt::format("{}={}", key, quoted(value));
  };
  for (const auto& [key, value] : pairs) add(key, value);
  const auto add_default = [&](std::string_view key, std::string_view value) {
    if (!has(key)) add(key, value);
  };
  add_default("connect_timeout", fmt::format("{}", k_default_connect_timeout.count()));
  // A connection whose peer is gone is noticed within a minute, not after the system's two hours.
  add_default("keepalives", "1");
  add_default("keepalives_idle", "30");
  add_default("keepalives_interval", "10");
  add_default("keepalives_count", "3");
  if (get("host").find(',') != std::string_view::npos) add_default("target_session_attrs", "read-write");
  return out;
}

std::string ConnInfo::host_port_without_password() const {
  const std::vector<std::string> hosts = conninfo::split_list(has("host") ? get("host") : get("hostaddr"));
  const std::vector<std::string> ports = conninfo::split_list(get("port"));
  std::string out;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const std::string& port = ports.size() == 1 ? ports[0] : ports[std::min(i, ports.size() - 1)];
    const bool ipv6 = hosts[i].find(':') != std::string::npos && !hosts[i].starts_with('/');
    if (i > 0) out += ',';
    if (hosts[i].empty()) {
      out += "the local socket";
    } else {
      out += ipv6 ? fmt::format("[{}]", hosts[i]) : hosts[i];
    }
    out += fmt::format(":{}", port.empty() ? "5432" : port);
  }
  return out;
}

std::string ConnInfo::display() const {
  std::string out;
  if (has("service")) {
    out = fmt::format("service {}", get("service"));
    if (has("dbname")) out = fmt::format("{} of {}", get("dbname"), out);
  } else {
    // libpq: without a name the database is called like the user.
    const std::string_view name = has("dbname") ? get("dbname") : get("user");
    out = fmt::format("{} on {}", name.empty() ? "the default database" : name, host_port_without_password());
  }
  if (has("user")) out += fmt::format(" as {}", get("user"));
  return out;
}

}  // namespace pgphase
