#include "orchestrator/settings/settings.hpp"

#include <fmt/format.h>

namespace pgphase {
namespace {

Error no_database(const Settings& settings) {
  if (settings.database_url_passed_over) {
    return make_error(
        Errc::usage,
        fmt::format("the environment {} names no database, and DATABASE_URL does not count while one is selected",
                    settings.environment),
        fmt::format("Set `database` in [env.{}], PGPHASE_DATABASE, or --database.", settings.environment));
  }
  return make_error(Errc::usage, "no database is named",
                    "Set `database` in pgphase.toml, or DATABASE_URL in the environment or in .env.");
}

}  // namespace

Result<ConnInfo> connection_of(const Settings& settings) {
  if (settings.database.empty()) return no_database(settings);
  auto parsed = parse_conninfo(settings.database);
  if (!parsed) {
    Error error = parsed.error();
    error.message = fmt::format("{}: {}", settings.database_place, error.message);
    return error;
  }
  if (settings.database_source == Source::flag && (parsed->has("password") || parsed->has("sslpassword"))) {
    return make_error(
        Errc::usage,
        fmt::format("{} holds a password, which every user of this machine can see", settings.database_place),
        "Put the connection string into DATABASE_URL, or the password into a passfile or password_command.");
  }
  if (parsed->has("connect_timeout")) return *parsed;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(settings.connect_timeout);  // libpq's unit
  return parsed->with("connect_timeout", fmt::format("{}", seconds.count()));
}

}  // namespace pgphase
