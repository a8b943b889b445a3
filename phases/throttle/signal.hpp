// The signals that slow a backfill down, and what reading one of them gives. docs/design/throttle.md tells what each
// reads, what that costs and which rights it needs. Values only; any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgphase {

// In the order in which they are read and shown. The names are the keys of [throttle].
enum class Signal {
  replica_lag,       // milliseconds that the worst standby replays behind
  slot_wal,          // bytes of WAL that the worst replication slot keeps
  archive_backlog,   // WAL files that wait for the archiver
  blocked_by_us,     // milliseconds of the longest wait for a lock of ours
  active_sessions,   // client sessions at work, without ours
  dead_tuples,       // dead rows per live row, while autovacuum is behind
  free_space_query,  // bytes free, by a query of the user's
  custom,            // any number, by a query of the user's
  probe_p95,         // milliseconds of the probe's 95th percentile over the last seconds
};
inline constexpr std::array k_signals{Signal::replica_lag,      Signal::slot_wal,        Signal::archive_backlog,
                                      Signal::blocked_by_us,    Signal::active_sessions, Signal::dead_tuples,
                                      Signal::free_space_query, Signal::custom,          Signal::probe_p95};
const char* to_string(Signal signal);

enum class Unit { milliseconds, bytes, files, sessions, share, number };
Unit unit_of(Signal signal);

// "12.3 s", "1.2 GiB", "70 files", "31 %": as short as a person wants it.
std::string in_words(Unit unit, double value);

struct Reading {
  Signal signal = Signal::custom;
  std::optional<double> value;  // in the signal's unit; nothing: it could not be read
  std::string words;            // "replica standby1 replays 12.3 s behind", or "cannot be read, because …"
};
// `why` is a clause: "the role app may not read pg_stat_replication".
Reading unreadable(Signal signal, std::string_view why);

enum class WhenUnreadable { hold, go_on };  // in pgphase.toml: "hold", "continue"

// What one signal may come to. [throttle] has one for each.
struct SignalLimit {
  bool on = false;
  double limit = 0;       // in the signal's unit; the least for free_space_query, else the most
  double times_rest = 0;  // probe_p95 only: so many times its value at rest; 0: `limit` counts
  WhenUnreadable unreadable = WhenUnreadable::go_on;
  std::string sql;  // free_space_query and custom: the query
  bool operator==(const SignalLimit&) const = default;
};

struct ThrottleLimits {
  std::array<SignalLimit, k_signals.size()> limits;
  std::string probe;  // the user's own statement; empty: a row of pgphase.probe is read and updated

  SignalLimit& operator[](Signal signal) { return limits[static_cast<std::size_t>(signal)]; }
  const SignalLimit& operator[](Signal signal) const { return limits[static_cast<std::size_t>(signal)]; }
};

// What a run has under way while the signals are read.
struct AtWork {
  std::vector<int> pids;             // our own backends
  std::vector<std::int64_t> tables;  // oids of the tables being filled; partitioned ones stand for their partitions
};

}  // namespace pgphase
