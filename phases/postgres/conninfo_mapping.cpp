// Takes what stands in a connection string to libpq's keys: docs/settings.md has the same as a table for people.
#include "phases/postgres/conninfo.hpp"
#include "phases/postgres/conninfo_keys.hpp"
#include "phases/postgres/conninfo_text.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <optional>

namespace pgphase {
namespace {

using namespace conninfo;

constexpr std::array<std::string_view, 6> k_sslmodes = {"disable", "allow",     "prefer",
                                                        "require", "verify-ca", "verify-full"};

Error contradiction(std::string what, std::string next = {}) {
  return make_error(Errc::usage, "the connection string cannot be used: " + std::move(what), std::move(next));
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

template <class Get>
std::string join(const std::vector<HostPort>& hosts, Get get) {
  std::string out;
  for (const HostPort& host : hosts) {
    if (&host != &hosts.front()) out += ',';
    out += get(host);
  }
  return out;
}

// Takes the pairs of one string to libpq's keys, then puts together what several of them say about one thing.
class Mapper {
 public:
  explicit Mapper(std::vector<HostPort> hosts) : hosts_(std::move(hosts)) {}

  Result<void> take(const RawPair& pair) {
    const Key key = find_key(pair.key);
    switch (key.use) {
      case KeyUse::pass:
        set(pair.key, pair.value);
        return {};
      case KeyUse::database:
        set("dbname", pair.value);
        return {};
      case KeyUse::host:
        return take_host(pair.value);
      case KeyUse::port:
        ports_ = split_list(pair.value);
        return {};
      case KeyUse::sslmode:
        sslmode_ = lower(pair.value);
        return {};
      case KeyUse::ssl:
        ssl_ = lower(pair.value);
        return {};
      case KeyUse::timeout:
        return take_timeout(pair.value);
      case KeyUse::direct_tls:
        return take_direct_tls(lower(pair.value));
      case KeyUse::server_setting:
        add_option(pair.key, pair.value);
        return {};
      case KeyUse::server_settings:
        return take_server_settings(pair.value);
      case KeyUse::drop:
        return {};
      case KeyUse::drop_and_warn:
        info_.warnings.push_back(fmt::format("{} in the connection string is not used: {}", key.name, key.why));
        return {};
      case KeyUse::unknown:
        return unknown_key(pair);
    }
    return {};
  }

  Result<ConnInfo> finish() {
    PGPHASE_CHECK(finish_hosts());
    PGPHASE_CHECK(finish_ssl());
    PGPHASE_CHECK(check_neon());
    if (!options_.empty()) {
      const std::string_view given = info_.get("options");
      set("options", given.empty() ? options_ : fmt::format("{} {}", given, options_));
    }
    if (timeout_ && !info_.has("connect_timeout")) set("connect_timeout", *timeout_);
    return std::move(info_);
  }

 private:
  // A key that is given twice counts the last time, as in libpq.
  void set(std::string_view key, std::string_view value) { info_ = info_.with(key, value); }

  Error unknown_key(const RawPair& pair) {
    const std::string nearest = nearest_key(pair.key);
    const std::string hint = nearest.empty() ? "" : fmt::format(" (is {} meant?)", nearest);
    if (pair.key_is_safe_to_print) return contradiction(fmt::format("the key {} is not known{}", pair.key, hint));
    return contradiction(
        fmt::format(
            "a key after the password is not known{}; it is not shown, because it may be a part of the password", hint),
        "In a URI, write @ / : ? # % of a password as %40 %2F %3A %3F %23 %25; in key=value, put the value in single "
        "quotes.");
  }

  // In SQLAlchemy's form a host brings its port along: host=h1:5432&host=h2:5433.
  Result<void> take_host(std::string_view value) {
    if (!query_hosts_) hosts_.clear();
    query_hosts_ = true;
    for (const std::string& one : split_list(value)) {
      const bool bare_ipv6 = !one.starts_with('[') && std::count(one.begin(), one.end(), ':') > 1;
      if (bare_ipv6 || one.starts_with('/') || one.starts_with('@')) {
        hosts_.push_back({one, {}});
        continue;
      }
      PGPHASE_TRY(host, split_host_port(one));
      hosts_.push_back(host);
    }
    return {};
  }

  Result<void> take_timeout(const std::string& value) {
    char* end = nullptr;
    const double seconds = std::strtod(value.c_str(), &end);
    if (value.empty() || *end != '\0' || !(seconds > 0) || seconds > 86400) {
      return contradiction("timeout is not a number of seconds between 0 and 86400");
    }
    timeout_ = fmt::format("{}", static_cast<long>(std::ceil(seconds)));
    return {};
  }

  Result<void> take_direct_tls(std::string_view value) {
    if (value == "true" || value == "1" || value == "on") {
      set("sslnegotiation", "direct");
      info_.warnings.emplace_back("direct_tls became sslnegotiation=direct, which needs libpq 17 or newer");
    } else if (value != "false" && value != "0" && value != "off") {
      return contradiction("direct_tls is neither true nor false");
    }
    return {};
  }

  void add_option(std::string_view name, std::string_view value) {
    if (!options_.empty()) options_ += ' ';
    options_ += fmt::format("-c {}=", name);
    for (const char c : value) {  // the server splits at spaces; a backslash keeps one
      if (c == ' ' || c == '\\') options_ += '\\';
      options_ += c;
    }
  }

  Result<void> take_server_settings(const std::string& value) {
    boost::system::error_code failed;
    const boost::json::value parsed = boost::json::parse(value, failed);
    if (failed || !parsed.is_object()) return contradiction("server_settings is not a JSON object");
    for (const auto& [name, setting] : parsed.get_object()) {
      const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
      });
      if (!plain || name.empty() || !setting.is_string()) {
        return contradiction("server_settings holds something else than names with texts");
      }
      const std::string_view text(setting.get_string().data(), setting.get_string().size());
      if (name == "application_name") {
        set("application_name", text);
      } else {
        add_option({name.data(), name.size()}, text);
      }
    }
    return {};
  }

  Result<void> finish_hosts() {
    if (!ports_.empty()) {
      for (const HostPort& host : hosts_) {
        if (!host.port.empty()) return contradiction("ports stand both in host and in port");
      }
      // One port for all hosts, or one each; without a host, it is the local socket's.
      if (hosts_.empty()) hosts_.emplace_back();
      if (ports_.size() != 1 && ports_.size() != hosts_.size()) {
        return contradiction(fmt::format("there are {} hosts and {} ports", hosts_.size(), ports_.size()));
      }
      for (std::size_t i = 0; i < hosts_.size(); ++i) {
        const std::string& port = ports_.size() == 1 ? ports_[0] : ports_[i];
        PGPHASE_TRY(checked, split_host_port(":" + port));
        hosts_[i].port = checked.port;
      }
    }
    const std::string hosts = join(hosts_, [](const HostPort& h) { return h.host; });
    const std::string ports = join(hosts_, [](const HostPort& h) { return h.port; });
    auto& pairs = info_.pairs;
    if (ports.find_first_not_of(',') != std::string::npos) pairs.insert(pairs.begin(), {"port", ports});
    if (hosts.find_first_not_of(',') != std::string::npos) pairs.insert(pairs.begin(), {"host", hosts});
    return {};
  }

  Result<void> finish_ssl() {
    const auto is_mode = [](const std::string& word) {
      return std::find(k_sslmodes.begin(), k_sslmodes.end(), word) != k_sslmodes.end();
    };
    if (sslmode_) std::replace(sslmode_->begin(), sslmode_->end(), '_', '-');
    if (ssl_) std::replace(ssl_->begin(), ssl_->end(), '_', '-');
    if (sslmode_ && !is_mode(*sslmode_)) {
      return contradiction("sslmode is not one of disable, allow, prefer, require, verify-ca, verify-full");
    }
    if (ssl_) {
      const bool yes = *ssl_ == "true" || *ssl_ == "1" || *ssl_ == "on";
      const bool no = *ssl_ == "false" || *ssl_ == "0" || *ssl_ == "off";
      if (yes && sslmode_ && (*sslmode_ == "require" || sslmode_->starts_with("verify"))) {
        ssl_ = sslmode_;  // both ask for TLS, and sslmode says how much of it
      } else if (yes) {
        ssl_ = info_.has("sslrootcert") ? "verify-full" : "require";
        info_.warnings.push_back(fmt::format("ssl={} in the connection string became sslmode={}", "true", *ssl_));
      } else if (no) {
        ssl_ = "disable";
      }
      if (!is_mode(*ssl_)) {
        return contradiction("ssl is not one of true, false, disable, allow, prefer, require, verify-ca, verify-full");
      }
      if (sslmode_ && *sslmode_ != *ssl_) {
        return contradiction(fmt::format("ssl asks for {} and sslmode for {}", *ssl_, *sslmode_),
                             "Leave one of them out.");
      }
      sslmode_ = ssl_;
    }
    if (sslmode_) set("sslmode", *sslmode_);
    return {};
  }

  // Neon's pooled hosts are PgBouncer in transaction mode, through which a session's advisory lock protects nothing.
  Result<void> check_neon() {
    for (const HostPort& host : hosts_) {
      const std::string name = lower(host.host);
      if (!name.ends_with(".neon.tech")) continue;
      if (!info_.has("sslmode")) set("sslmode", "require");
      const std::string label = name.substr(0, name.find('.'));
      constexpr std::string_view k_suffix = "-pooler";
      if (!label.ends_with(k_suffix)) continue;
      const std::string direct = label.substr(0, label.size() - k_suffix.size()) + name.substr(label.size());
      return contradiction(fmt::format("{} is Neon's pooled host, through which migrations cannot keep a lock", name),
                           fmt::format("Use the direct host: {}", direct));
    }
    return {};
  }

  ConnInfo info_;
  std::vector<HostPort> hosts_;
  std::vector<std::string> ports_;
  bool query_hosts_ = false;
  std::optional<std::string> ssl_, sslmode_, timeout_;
  std::string options_;
};

}  // namespace

Result<ConnInfo> parse_conninfo(std::string_view text) {
  PGPHASE_TRY(raw, take_apart(text));
  Mapper mapper(raw.hosts);
  std::vector<std::string> warnings;
  if (!raw.scheme.empty()) {
    const std::string base = raw.scheme.substr(0, raw.scheme.find('+'));
    if (base != "postgresql" && base != "postgres") {
      return contradiction(fmt::format("{}:// is not PostgreSQL", raw.scheme),
                           "pgphase knows postgresql:// and postgres://.");
    }
    constexpr std::string_view k_drivers[] = {"", "+asyncpg", "+psycopg", "+psycopg2", "+pg8000", "+psycopg2cffi"};
    const std::string driver = raw.scheme.substr(base.size());
    if (std::find(std::begin(k_drivers), std::end(k_drivers), driver) == std::end(k_drivers)) {
      warnings.push_back(fmt::format("the driver {} in the connection string is not known, and not needed", driver));
    }
  }
  for (const RawPair& pair : raw.pairs) PGPHASE_CHECK(mapper.take(pair));
  PGPHASE_TRY(info, mapper.finish());
  info.warnings.insert(info.warnings.begin(), warnings.begin(), warnings.end());
  return info;
}

}  // namespace pgphase
