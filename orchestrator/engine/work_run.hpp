// Helps the run that works on a plan's backfill, from a process of its own: waits for a live lease and a backfill at
// rows, fills under that lease, and follows it when it changes hands. It decides nothing and holds no lease.
// io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>

#include "orchestrator/engine/control.hpp"
#include "orchestrator/engine/reporter.hpp"
#include "orchestrator/engine/run_context.hpp"

namespace pgphase {

struct WorkOptions {
  std::function<Result<SessionOptions>(const std::string& purpose)> connector;
  PlanId plan;
  RunLimits limits;                      // its `workers` are those of this process
  std::chrono::milliseconds patience{};  // how long to wait for a run that is not there, or that has gone
};

enum class WorkEnd {
  done,         // the plan's backfill phase is done
  nobody,       // nobody runs it any more, for as long as `patience`
  interrupted,  // a signal
};

boost::asio::awaitable<Result<WorkEnd>> work_on_backfill(boost::asio::io_context& io, Control& control,
                                                         Reporter& reporter, const WorkOptions& options);

// The same to its end, with signals handled meanwhile. Blocking.
Result<WorkEnd> run_work(Control& control, Reporter& reporter, const WorkOptions& options);

}  // namespace pgphase
