// Whether what a plan has retired may be dropped for good, and what that means for its phases. Pure; any thread.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "phases/purge/remains.hpp"

namespace pgphase {

struct Verdict {
  enum class Kind { may_go, too_young, in_the_way };
  Kind kind = Kind::may_go;
  ServerTime due{};          // by the server's clock: when the retention is, or was, over
  std::string why;           // in_the_way: a sentence
  std::vector<Phase> seals;  // of a plan that is done: phases that cannot be rolled back any more after it
  bool forgets = false;      // of a plan that is rolled back: what was written into it is lost to the next run
};

// The retention counts from when the plan was done, or from when it was rolled back: of everything that it has retired
// the youngest decides, so that a plan goes as a whole.
Verdict verdict_on(const PlanRecord& plan, const Remains& remains, ServerTime now, std::chrono::milliseconds keep);

}  // namespace pgphase
