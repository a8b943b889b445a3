// The lease: one orchestrator a database, and a fence that keeps what is left of an earlier one from writing.
//
// A session-level advisory lock on the control session says who works. That alone protects nothing: a statement that
// the server has already received goes on after its client was killed. So every writing transaction of a run first
// takes a shared advisory lock (the fence) and compares the token; a takeover ends the old backends, takes the fence
// exclusively, which waits for what cannot be ended, and raises the token. docs/design/lease.md has the cases.
//
// Blocking; one thread a session.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "phases/postgres/session.hpp"
#include "phases/postgres/transaction.hpp"
#include "plans/base/result.hpp"

namespace pgphase {

// Keys of our advisory locks: (space, which).
inline constexpr int k_lock_space = 0x70677068;  // "pgph"
inline constexpr int k_lock_ledger = 1;
inline constexpr int k_lock_lease = 2;
inline constexpr int k_lock_fence = 3;
inline constexpr int k_lock_speed = 4;  // `set` after `set`

// After so long without a heartbeat the holder counts as gone, although its connection may still be open.
inline constexpr std::chrono::seconds k_heartbeat_stale{30};

// What a run shows when it writes: its token, and who it is for the event log.
struct Fence {
  std::int64_t token = 0;
  std::string person;  // "ada@build-7"
};

struct LeaseHolder {
  std::int64_t token = 0;
  std::string owner;         // "ada@build-7: pgphase up"
  std::string by_role;
  std::string acquired_at;   // ISO 8601, UTC
  double heartbeat_age = 0;  // seconds, by the server's clock
  bool live = false;         // the lock is held by somebody right now
};

// Who holds the lease; nothing when it is free or there is no ledger. Reads only.
Result<std::optional<LeaseHolder>> lease_holder(Session& session);

enum class TakeOver { if_stale, by_force };

// Takes the lease on `control`, which must stay idle outside transactions as long as the run lasts. An Error of code
// lease_held names the holder and since when. Needs the ledger. Ends the backends that an earlier run left behind.
// `own_token`: the token of this very run before it lost its connection; its own remains are ended without asking.
Result<Fence> acquire_lease(Session& control, const std::string& person, const std::string& command, TakeOver mode,
                            std::int64_t own_token = 0);

// Makes a session known to the lease before it writes anything, so that a takeover can end it.
Result<void> register_session(Session& session, const Fence& fence, const std::string& purpose);

// Every two seconds on the control session. `lease_lost` when somebody else has taken over.
Result<void> heartbeat(Session& control, const Fence& fence);

Result<void> release_lease(Session& control, const Fence& fence);

// BEGIN, `settings`, the fence, and the comparison of the token: how every writing transaction of a run starts.
Result<Transaction> begin_fenced(Session& session, const Fence& fence, std::string label,
                                 std::string_view settings = {});

// The same in one round trip with a question, for transactions that are begun many times a second. `question` is the
// select list and what follows of a query over one row at most, which `answer` gets behind the token; where it is empty
// the token was not compared, and nothing may be written.
Result<Transaction> begin_fenced_asking(Session& session, const Fence& fence, std::string label,
                                        std::string_view settings, std::string_view question, Rows& answer);

}  // namespace pgphase
