#include "phases/postgres/session.hpp"

#include <fmt/format.h>

#include <atomic>
#include <pqxx/pqxx>
#include <utility>

#include "phases/postgres/sqlstate.hpp"

namespace pgphase {
namespace {

// pqxx prints the server's notices to stderr unless somebody takes them.
class Silence final : public pqxx::errorhandler {
 public:
  explicit Silence(pqxx::connection_base& connection) : errorhandler(connection) {}
  bool operator()(const char[]) noexcept override { return false; }
};

class Listener final : public pqxx::notification_receiver {
 public:
  Listener(pqxx::connection_base& connection, const std::string& channel, std::vector<std::string>& arrived)
      : notification_receiver(connection, channel), arrived_(arrived) {}
  void operator()(const std::string& payload, int) override { arrived_.push_back(payload); }

 private:
  std::vector<std::string>& arrived_;
};

// "ERROR:  message\nDETAIL:  detail\nHINT: …" as libpq writes it.
std::pair<std::string, std::string> message_and_detail(std::string_view text) {
  for (const std::string_view prefix : {"ERROR:  ", "FATAL:  ", "PANIC:  "}) {
    if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  }
  const auto end = text.find('\n');
  std::string message(text.substr(0, end));
  std::string detail;
  if (const auto at = text.find("DETAIL:  "); at != std::string_view::npos) {
    const auto rest = text.substr(at + 9);
    detail = rest.substr(0, rest.find('\n'));
  }
  return {message, detail};
}

// Why a connection did not come up, one line a host that was tried; the lines that libpq indents are guesses.
std::string in_one_sentence(std::string_view what) {
  std::string sentence;
  while (!what.empty()) {
    const auto end = what.find('\n');
    const auto line = what.substr(0, end);
    if (!line.empty() && line.front() != '\t') {
      if (!sentence.empty()) sentence += "; ";
      sentence += line;
    }
    what.remove_prefix(end == std::string_view::npos ? what.size() : end + 1);
  }
  return sentence;
}

Error error_from(std::string_view what, std::string sqlstate, std::string_view sql, Errc code) {
  Error error;
  auto [message, detail] = message_and_detail(what);
  error.code = code;
  error.message = std::move(message);
  error.detail = std::move(detail);
  error.sqlstate = std::move(sqlstate);
  error.statement = sql;
  return error;
}

Rows rows_from(const pqxx::result& result) {
  Rows rows;
  rows.affected = static_cast<std::int64_t>(result.affected_rows());
  rows.rows.reserve(result.size());
  for (const auto& row : result) {
    std::vector<std::optional<std::string>> values;
    values.reserve(row.size());
    for (const auto& field : row) {
      if (field.is_null()) {
        values.emplace_back();
      } else {
        values.emplace_back(std::string(field.c_str(), field.size()));
      }
    }
    rows.rows.emplace_back(std::move(values));
  }
  return rows;
}

bool is_commit(std::string_view sql) {
  return sql == "COMMIT";
}

}  // namespace

struct Session::Impl {
  std::unique_ptr<pqxx::connection> connection;
  std::unique_ptr<Silence> silence;
  std::vector<std::string> arrived;
  std::vector<std::unique_ptr<Listener>> listeners;
  SessionOptions options;
  BackendId backend;
  std::chrono::milliseconds deadlock_timeout{1000};
  std::atomic<bool> lost{false};

  // Runs `body(nontransaction)` and turns everything that pqxx throws into one Error: the only place that does.
  template <class Body>
  Result<Rows> guarded(std::string_view sql, Body&& body) {
    if (lost) return gone(sql);
    try {
      pqxx::nontransaction work(*connection);
      return rows_from(body(work));
    } catch (const pqxx::deadlock_detected& e) {
      return error_from(e.what(), sqlstate::deadlock_detected, sql, Errc::sql);
    } catch (const pqxx::statement_completion_unknown& e) {
      return error_from(e.what(), sqlstate::statement_completion_unknown, sql, Errc::sql);
    } catch (const pqxx::transaction_rollback& e) {
      return error_from(e.what(), sqlstate::serialization_failure, sql, Errc::sql);
    } catch (const pqxx::insufficient_privilege& e) {
      return error_from(e.what(), sqlstate::insufficient_privilege, sql, Errc::sql);
    } catch (const pqxx::sql_error& e) {
      // A FATAL from the server (a terminated backend, a timeout that ends the session) closes the connection.
      if (sqlstate::ends_session(e.sqlstate()) || !connection->is_open()) {
        lost = true;
        auto error = gone(sql);
        error.detail = message_and_detail(e.what()).first;
        error.sqlstate = e.sqlstate();
        return error;
      }
      return error_from(e.what(), e.sqlstate(), sql, Errc::sql);
    } catch (const pqxx::pqxx_exception& e) {
      lost = true;
      auto error = gone(sql);
      error.detail = message_and_detail(e.base().what()).first;
      return error;
    }
  }

  Error gone(std::string_view sql) const {
    const bool commit = is_commit(sql);
    auto error =
        make_error(commit ? Errc::in_doubt : Errc::session_lost,
                   fmt::format("the connection to {} went away{}", options.target, commit ? " during COMMIT" : ""));
    error.statement = sql;
    return error;
  }
};

std::string set_local_ms(std::string_view name, std::chrono::milliseconds value) {
  return fmt::format("SET LOCAL {} = '{}ms'", name, value.count());
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Session::~Session() {
  impl_->listeners.clear();  // before the connection that they belong to
  impl_->silence.reset();
}

Result<std::unique_ptr<Session>> Session::open(const SessionOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  try {
    impl->connection = std::make_unique<pqxx::connection>(options.conninfo);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    impl->connection->inhibit_reactivation(true);
#pragma GCC diagnostic pop
    impl->silence = std::make_unique<Silence>(*impl->connection);
  } catch (const pqxx::pqxx_exception& e) {
    return make_error(Errc::unreachable,
                      fmt::format("cannot connect to {}: {}", options.target, in_one_sentence(e.base().what())),
                      "Nothing was changed. Check the host, the credentials and that the server is up.");
  }
  std::unique_ptr<Session> session(new Session(std::move(impl)));
  Impl& self = *session->impl_;

  const auto version = self.connection->server_version();
  // REPEATABLE READ would let a check before a lock look at an old snapshot; row security would hide rows; another
  // replication role would switch triggers off. What is asked under a lock is planned for large catalogues: compiled by
  // jit, a question of a millisecond would take half a second.
  std::string pins = fmt::format(
      "SET application_name = '{}'; SET search_path = public; SET default_transaction_isolation = 'read committed';"
      "SET default_transaction_read_only = off; SET default_transaction_deferrable = off;"
      "SET row_security = off; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD';"
      "SET IntervalStyle = 'postgres'; SET client_encoding = 'UTF8'; SET standard_conforming_strings = on;"
      "SET bytea_output = 'hex'; SET extra_float_digits = 1; SET check_function_bodies = on;"
      "SET quote_all_identifiers = off; SET jit = off;"
      "SET idle_in_transaction_session_timeout = '60s'; {};",
      self.connection->esc(options.application_name), session->own_timeouts());
  if (version >= 140000) pins += "SET idle_session_timeout = 0;";
  if (version >= 170000) pins += "SET transaction_timeout = 0;";
  if (!options.role.empty()) pins += fmt::format("SET ROLE {};", self.connection->quote_name(options.role));
  if (auto pinned = session->script(pins); !pinned) {
    auto error = pinned.error();
    error.next = "Nothing was changed. The role must be allowed to use these session settings.";
    error.code = Errc::unreachable;
    return error;
  }
  // session_replication_role needs a privilege to SET, not to read.
  PGPHASE_TRY(facts,
              session->query(
                  "SELECT pg_backend_pid(), (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()), "
                  "       (SELECT setting FROM pg_settings WHERE name = 'deadlock_timeout'), "
                  "       current_setting('session_replication_role'), pg_is_in_recovery()"));
  if (facts[0].integer(0) != self.connection->backendpid()) {
    return make_error(Errc::unreachable,
                      fmt::format("{} is a connection pooler in transaction mode: what one statement sets or locks is "
                                  "gone at the next",
                                  options.target),
                      "Nothing was changed. Use the direct host and port of the server.");
  }
  if (facts[0].text(3) != "origin") {
    return make_error(Errc::refused,
                      fmt::format("session_replication_role is {} for this role on {}: triggers would "
                                  "not fire",
                                  facts[0].text(3), options.target),
                      "Nothing was changed. Reset it for the role (ALTER ROLE … RESET session_replication_role).");
  }
  if (facts[0].boolean(4)) {
    return make_error(Errc::unreachable,
                      fmt::format("{} is a standby in recovery: it cannot be written", options.target),
                      "Nothing was changed. Connect to the primary, for example with target_session_attrs=read-write.");
  }
  if (version < 140000) {
    return make_error(Errc::refused,
                      fmt::format("{} runs PostgreSQL {}; pgphase supports 14 to 18", options.target, version / 10000),
                      "Nothing was changed.");
  }
  self.backend = {static_cast<int>(facts[0].integer(0)), facts[0].text(1)};
  self.deadlock_timeout = std::chrono::milliseconds(facts[0].integer(2));
  return session;
}

Result<Rows> Session::query(std::string_view sql, const Params& params) {
  return impl_->guarded(sql, [&](pqxx::nontransaction& work) {
    const std::string text(sql);
    if (params.empty()) return work.exec(text);
    std::vector<const char*> values;
    values.reserve(params.size());
    for (const auto& param : params) values.push_back(param ? param->c_str() : nullptr);
    return work.exec_params(text, pqxx::prepare::make_dynamic_params(values));
  });
}

Result<Rows> Session::script(std::string_view sql) {
  return impl_->guarded(sql, [&](pqxx::nontransaction& work) { return work.exec(std::string(sql)); });
}

BackendId Session::backend() const {
  return impl_->backend;
}
int Session::server_version() const {
  return impl_->connection->server_version();
}
std::chrono::milliseconds Session::deadlock_timeout() const {
  return impl_->deadlock_timeout;
}
const std::string& Session::target() const {
  return impl_->options.target;
}
std::string Session::own_timeouts() const {
  return fmt::format("SET statement_timeout = '{}ms'; SET lock_timeout = '{}ms'",
                     impl_->options.statement_timeout.count(), impl_->options.lock_timeout.count());
}
bool Session::lost() const {
  return impl_->lost;
}
int Session::socket() const {
  return impl_->connection->sock();
}

void Session::cancel() noexcept {
  try {
    impl_->connection->cancel_query();
  } catch (const std::exception&) {
    // The statement's own timeout ends it then.
  }
}

Result<void> Session::listen(const std::string& channel) {
  try {
    impl_->listeners.push_back(std::make_unique<Listener>(*impl_->connection, channel, impl_->arrived));
    return {};
  } catch (const pqxx::pqxx_exception& e) {
    impl_->lost = true;
    auto error = impl_->gone("LISTEN " + channel);
    error.detail = e.base().what();
    return error;
  }
}

Result<std::vector<std::string>> Session::notifications() {
  if (impl_->lost) return impl_->gone("");
  try {
    impl_->connection->get_notifs();
    return std::exchange(impl_->arrived, {});
  } catch (const pqxx::pqxx_exception& e) {
    impl_->lost = true;
    auto error = impl_->gone("");
    error.detail = e.base().what();
    return error;
  }
}

}  // namespace pgphase
