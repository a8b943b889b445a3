// One connection to PostgreSQL. It never reconnects by itself: a session that came back would have lost its advisory
// locks and settings, and nobody would know.
//
// Threading: a Session belongs to one thread at a time; only cancel() may come from another. All calls block, and each
// is bounded by the statement timeout in force. Errors come back as Error with the SQLSTATE; when the connection
// itself is gone the code is `session_lost`, or `in_doubt` when it went away during COMMIT.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "phases/postgres/rows.hpp"
#include "plans/base/result.hpp"

namespace pgphase {

// The connection, and not what was asked on it: another one may come about.
constexpr bool connection_is_gone(Errc code) {
  return code == Errc::session_lost || code == Errc::in_doubt || code == Errc::unreachable;
}

struct SessionOptions {
  std::string conninfo;          // libpq key=value string or URI; may hold a password, never logged
  std::string target;            // "dbname on host:port as user", for people
  std::string application_name = "pgphase";
  std::string role;              // SET ROLE to it, unless empty
  std::chrono::milliseconds statement_timeout{30'000};  // for bookkeeping; steps set their own
  std::chrono::milliseconds lock_timeout{10'000};
};

using Params = std::vector<std::optional<std::string>>;

struct BackendId {
  int pid = 0;
  std::string started;  // backend_start, as text with microseconds
  bool operator==(const BackendId&) const = default;
};

class Session {
 public:
  // Connects, pins every setting that roles and databases may have changed, and refuses a transaction pooler.
  static Result<std::unique_ptr<Session>> open(const SessionOptions& options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Result<Rows> query(std::string_view sql, const Params& params = {});
  // Several statements separated by ';' are allowed; the last one's rows come back.
  Result<Rows> script(std::string_view sql);

  BackendId backend() const;
  int server_version() const;  // 150004
  std::chrono::milliseconds deadlock_timeout() const;
  const std::string& target() const;
  std::string own_timeouts() const;  // SQL that puts this session's own timeouts back in force
  bool lost() const;  // true once the connection is known to be gone

  // Asks the server to cancel what this session runs. Any thread; may block for the connect timeout.
  void cancel() noexcept;

  Result<void> listen(const std::string& channel);
  int socket() const;  // readable when a notification may have arrived
  // Payloads that have arrived since the last call; never blocks.
  Result<std::vector<std::string>> notifications();

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// SQL for `SET LOCAL name = '…ms'`.
std::string set_local_ms(std::string_view name, std::chrono::milliseconds value);

}  // namespace pgphase
