#include "phases/branch/branch_session.hpp"

namespace pgphase {

Result<std::unique_ptr<Session>> branch_session(const ConnInfo& connection) {
  constexpr std::chrono::hours k_longest_statement{6};
  SessionOptions options;
  options.conninfo = connection.to_libpq();
  options.target = connection.display();
  options.application_name = "pgphase/rehearsal";
  options.statement_timeout = k_longest_statement;
  return Session::open(options);
}

}  // namespace pgphase
