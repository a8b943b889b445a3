// The sessions of a run that help with its backfill, beside the one that leads it. Their number may change while it
// goes on. One that loses its connection is replaced, and the run goes on meanwhile; what stops one because of the data
// stops the run. io_context's thread only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "orchestrator/engine/help.hpp"
#include "orchestrator/engine/run_context.hpp"

namespace pgphase {

class BackfillCrew {
 public:
  // `orders` is called as long as leave() has not come back.
  BackfillCrew(RunContext& run, StepKey key, const BackfillBody& body, const BackfillSettings& settings,
               std::function<Orders()> orders);
  ~BackfillCrew();

  // So many helpers from now on. Call it again and again: it replaces those that were lost.
  void want(int helpers);

  int at_work() const;
  std::vector<int> pids() const;
  std::optional<Error> failure() const;  // why the backfill must stop

  // All have ended; to be awaited before the object goes.
  boost::asio::awaitable<void> leave();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace pgphase
