// What `drift` shows, as text and as JSON. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "phases/catalogue/compare.hpp"
#include "phases/ledger/baseline.hpp"

namespace pgphase {

struct DriftInput {
  const Baseline& since;
  const LedgerView& ledger;
  const std::vector<Difference>& differences;
  int server_version = 0;  // now: 150004
};

enum class DriftLength { a_screenful, all };

std::string drift_text(const DriftInput& input, DriftLength length);
boost::json::object drift_json(const DriftInput& input);

}  // namespace pgphase
