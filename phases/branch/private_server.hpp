// A branch on a private server of this machine, which ends with it. Blocking; one thread.
#pragma once

#include "phases/branch/branch.hpp"
#include "phases/postgres/server.hpp"

namespace pgphase {

class PrivateServerBranch final : public Branch {
 public:
  // With an empty database. `major` 0: any; `encoding_and_locale`: those clauses of CREATE DATABASE.
  static Result<std::unique_ptr<PrivateServerBranch>> start(int major, const std::string& encoding_and_locale);

  const ConnInfo& connection() const override { return connection_; }
  std::string description() const override { return description_; }
  Result<void> remove() override;

  void describe(const std::string& what);  // "a copy of app on db:5432"

 private:
  PrivateServerBranch(LocalServer server, ConnInfo connection)
      : server_(std::move(server)), connection_(std::move(connection)) {}

  LocalServer server_;
  ConnInfo connection_;
  std::string description_;
  bool removed_ = false;
};

}  // namespace pgphase
