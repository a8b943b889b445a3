#include "phases/branch/private_server.hpp"

#include <fmt/format.h>

#include "phases/branch/branch_session.hpp"

namespace pgphase {
namespace {

constexpr const char* k_database = "rehearsal";

class DisposableDatabase final : public Branch {
 public:
  explicit DisposableDatabase(ConnInfo connection) : connection_(std::move(connection)) {}
  const ConnInfo& connection() const override { return connection_; }
  std::string description() const override { return connection_.display() + ", which you called disposable"; }
  Result<void> remove() override { return {}; }

 private:
  ConnInfo connection_;
};

}  // namespace

Result<std::unique_ptr<PrivateServerBranch>> PrivateServerBranch::start(int major,
                                                                        const std::string& encoding_and_locale) {
  ServerOptions options;
  options.major = major;
  auto server = LocalServer::start(options);
  if (!server) return server.error();
  PGPHASE_TRY(maintenance, parse_conninfo(server->url()));
  PGPHASE_TRY(session, branch_session(maintenance));
  PGPHASE_CHECK(
      session->query(fmt::format("CREATE DATABASE {} TEMPLATE template0 {}", k_database, encoding_and_locale)));
  return std::unique_ptr<PrivateServerBranch>(
      new PrivateServerBranch(std::move(*server), maintenance.with("dbname", k_database)));
}

Result<void> PrivateServerBranch::remove() {
  if (removed_) return {};
  removed_ = true;
  return server_.stop();
}

void PrivateServerBranch::describe(const std::string& what) {
  description_ = fmt::format("{}, on a private server of version {}", what, server_.info().version);
}

Result<std::unique_ptr<Branch>> empty_branch() {
  auto made = PrivateServerBranch::start(0, "");
  if (!made) return made.error();
  (*made)->describe("an empty database");
  return std::unique_ptr<Branch>(std::move(*made));
}

std::unique_ptr<Branch> disposable_database(ConnInfo connection) {
  return std::make_unique<DisposableDatabase>(std::move(connection));
}

}  // namespace pgphase
