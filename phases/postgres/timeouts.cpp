#include "phases/postgres/timeouts.hpp"

namespace pgphase {

UnhurriedTimeouts::UnhurriedTimeouts(Session& session) : session_(session) {
  // A failure here leaves the short timeouts in force: the statement is cut off and tried again.
  (void)session_.script("SET statement_timeout = '24h'; SET lock_timeout = '24h'");
}

UnhurriedTimeouts::~UnhurriedTimeouts() {
  if (!session_.lost()) (void)session_.script(session_.own_timeouts());
}

}  // namespace pgphase
