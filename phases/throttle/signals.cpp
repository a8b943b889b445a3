#include "phases/throttle/signals.hpp"

#include <exception>

#include "phases/throttle/dead_tuples.hpp"
#include "phases/throttle/sessions.hpp"
#include "phases/throttle/user_sql.hpp"
#include "phases/throttle/wal_backlog.hpp"

namespace pgphase {

std::vector<Signal> Signals::wanted() const {
  std::vector<Signal> out;
  for (const Signal signal : k_signals) {
    if (signal != Signal::probe_p95 && limits_[signal].on) out.push_back(signal);
  }
  return out;
}

Reading Signals::read(Session& session, Signal signal, const AtWork& at_work,
                      std::chrono::steady_clock::time_point now) {
  try {
    return dispatch(session, signal, at_work, now);
  } catch (const std::exception& e) {
    // A view that looks unlike what is expected, as forks and services have them: a number that is none.
    return unreadable(signal, e.what());
  }
}

Reading Signals::dispatch(Session& session, Signal signal, const AtWork& at_work,
                          std::chrono::steady_clock::time_point now) {
  switch (signal) {
    case Signal::replica_lag:
      return replica_lag_.read(session, now);
    case Signal::slot_wal:
      return read_slot_wal(session);
    case Signal::archive_backlog:
      return read_archive_backlog(session);
    case Signal::blocked_by_us:
      return read_blocked_by_us(session, at_work);
    case Signal::active_sessions:
      return read_active_sessions(session, at_work);
    case Signal::dead_tuples:
      return read_dead_tuples(session, at_work);
    case Signal::free_space_query:
    case Signal::custom:
      return read_number(session, signal, limits_[signal].sql);
    case Signal::probe_p95:
      break;
  }
  return unreadable(signal, "it is not read by a query");
}

}  // namespace pgphase
