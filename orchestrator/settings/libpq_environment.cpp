#include "orchestrator/settings/libpq_environment.hpp"

#include <string_view>
#include <utility>

namespace pgphase {
namespace {

constexpr std::pair<std::string_view, std::string_view> k_variables[] = {
    {"host", "PGHOST"}, {"hostaddr", "PGHOSTADDR"}, {"port", "PGPORT"}, {"user", "PGUSER"}, {"dbname", "PGDATABASE"}};

}  // namespace

ConnInfo with_libpq_environment(ConnInfo connection, const Environment& environment, const std::string& system_user) {
  const auto take = [&](std::string_view key, std::string_view variable) {
    const auto found = environment.find(variable);
    if (connection.has(key) || found == environment.end() || found->second.empty()) return;
    connection = connection.with(key, found->second);
  };
  take("service", "PGSERVICE");
  if (connection.has("service")) return connection;
  for (const auto& [key, variable] : k_variables) take(key, variable);
  if (connection.get("dbname").empty()) {
    const std::string_view user = connection.get("user");
    connection = connection.with("dbname", user.empty() ? system_user : std::string(user));
  }
  return connection;
}

}  // namespace pgphase
