// The probe: a statement run ten times a second, whose latency is the service level to keep. Blocking; same threading
// as the Session.
#pragma once

#include <chrono>
#include <string>

#include "phases/postgres/session.hpp"
#include "phases/throttle/user_sql.hpp"

namespace pgphase {

class Probe {
 public:
  using Latency = std::chrono::duration<double, std::milli>;

  // Empty: the built-in one, which reads the row of pgphase.probe and updates it, and so waits for the WAL as a small
  // write of an application does.
  explicit Probe(std::string statement = {});

  // How long the statement took. One that ran into the session's statement timeout, a deadlock or a serialisation
  // failure has a latency too: the server was asked and could not serve it. What a probe cannot be because of its text,
  // a missing table or missing rights is an error; so is a lost connection. Leaves no transaction open.
  Result<Latency> run(Session& session);

 private:
  Result<void> built_in(Session& session, Latency& took);
  Result<void> users(Session& session, Latency& took) const;
  Result<void> find_row(Session& session);

  std::string statement_;
  Result<SqlUse> kind_;
  std::string row_;  // ctid of the built-in probe's row; empty: not known
};

}  // namespace pgphase
