#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "phases/branch/branch.hpp"
#include "phases/branch/foreign_servers.hpp"
#include "phases/branch/template_database.hpp"
#include "phases/postgres/session.hpp"
#include "phases/postgres/sqlstate.hpp"
#include "plans/base/units.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

constexpr const char* k_object_in_use = "55006";

// With as much of the source's name as fits, for whoever lists the databases.
std::string new_name(std::string_view source) {
  constexpr std::size_t k_enough = 28;
  auto end = std::min(source.size(), k_enough);
  const auto within_a_letter = [&] {
    return end < source.size() && (static_cast<unsigned char>(source[end]) & 0xc0U) == 0x80U;
  };
  while (end > 0 && within_a_letter()) --end;
  std::random_device random;
  return fmt::format("{}{}_{:08x}", k_branch_prefix, source.substr(0, end), random());
}

Error not_possible(const Error& error, const ConnInfo& source) {
  if (error.sqlstate == k_object_in_use) {
    return make_error(Errc::refused,
                      fmt::format("{} cannot be a template now: others are connected to it", source.display()),
                      "Nothing was made. `--branch copy` copies it into a private server while it is in use.");
  }
  if (error.sqlstate == sqlstate::insufficient_privilege) {
    return make_error(Errc::refused,
                      fmt::format("this role may not make a branch of {}: {}", source.display(), error.message),
                      "Nothing was made. Give it CREATEDB and the ownership of the database, or take `--branch copy`.");
  }
  return error;
}

class TemplateBranch final : public Branch {
 public:
  TemplateBranch(std::unique_ptr<Session> session, const ConnInfo& source, std::string name)
      : session_(std::move(session)),
        name_(std::move(name)),
        connection_(source.with("dbname", name_)),
        description_(fmt::format("a copy of {}, made on the same server as {}", source.display(), name_)) {}
  ~TemplateBranch() override {
    if (auto removed = remove(); !removed) fmt::print(stderr, "{}\n", removed.error().text());
  }

  const ConnInfo& connection() const override { return connection_; }
  std::string description() const override { return description_; }
  Result<void> remove() override {
    if (removed_) return {};
    if (session_->lost()) {
      PGPHASE_TRY(again, maintenance_session(connection_));
      session_ = std::move(again);
    }
    PGPHASE_CHECK(drop_branch(*session_, name_));
    removed_ = true;
    return {};
  }

 private:
  std::unique_ptr<Session> session_;  // holds the lock on the name
  std::string name_;
  ConnInfo connection_;
  std::string description_;
  bool removed_ = false;
};

}  // namespace

Result<std::unique_ptr<Branch>> branch_by_template(const ConnInfo& source, std::optional<std::int64_t> most_bytes) {
  PGPHASE_TRY(session, maintenance_session(source));
  PGPHASE_TRY(size, session->query("SELECT pg_database_size($1::name)", {std::string(source.get("dbname"))}));
  if (most_bytes && size[0].integer(0) > *most_bytes) {
    return make_error(Errc::refused,
                      fmt::format("{} holds {}: nobody could connect to it while the server copies that",
                                  source.display(), human_bytes(size[0].integer(0))),
                      "Nothing was made. `--branch template` does it nevertheless.");
  }
  const auto name = new_name(source.get("dbname"));
  PGPHASE_TRY(locked, try_lock_branch(*session, name));
  if (!locked) return make_error(Errc::bug, fmt::format("somebody else works on the new branch {}", name));
  auto made = session->query(fmt::format("CREATE DATABASE {} TEMPLATE {} CONNECTION LIMIT {}", quote_ident(name),
                                         quote_ident(std::string(source.get("dbname"))), k_branch_mark));
  if (!made) return not_possible(made.error(), source);
  auto branch = std::make_unique<TemplateBranch>(std::move(session), source, name);
  PGPHASE_CHECK(cut_off(branch->connection()));
  return std::unique_ptr<Branch>(std::move(branch));
}

}  // namespace pgphase
