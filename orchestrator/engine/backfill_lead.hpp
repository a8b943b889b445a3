// The session that leads a backfill: opens it, calls for helpers, has the database watched, follows what people set in
// flight, and ends it. One object a backfill. io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "orchestrator/engine/run_context.hpp"
#include "phases/backfill/backfill.hpp"

namespace pgphase {

class BackfillLead {
 public:
  // `sets_as`: BackfillSettings::sets_as.
  BackfillLead(RunContext& run, StepKey key, const BackfillBody& body, std::string sets_as);
  ~BackfillLead();

  // The rows that were set, over all runs of this step; nothing when somebody asked to stop. Once.
  boost::asio::awaitable<Result<std::optional<std::int64_t>>> fill();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgphase
