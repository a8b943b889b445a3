// What every part of a run needs: its sessions, its fence, its limits, what may stop it, and whom to tell. Lives as long
// as one connection to the database does; a run that loses its connection gets a new one. io_context's thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>

#include "orchestrator/engine/async_session.hpp"
#include "orchestrator/engine/control.hpp"
#include "orchestrator/engine/reporter.hpp"
#include "orchestrator/settings/settings.hpp"
#include "phases/lock/attempt.hpp"

namespace pgphase {

struct RunLimits {
  LockLimits locks;
  Settings::Backfill backfill;
  ThrottleLimits throttle;  // none on by default
};

struct RunContext {
  boost::asio::io_context& io;
  Control& control;
  Reporter& reporter;
  RunLimits limits;
  // Makes the options of a further connection; may be called on any thread, and may take its time.
  std::function<Result<SessionOptions>(const std::string& purpose)> connector;
  std::uint64_t seed = 0;  // of the jitter between attempts
  AsyncSession lease;      // holds the advisory lock and stays idle outside transactions; heartbeats, requests, blockers
  AsyncSession work;
  Fence fence;
};

}  // namespace pgphase
