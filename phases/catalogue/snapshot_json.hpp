// A snapshot's objects as JSON text, as the ledger keeps them; rows are not kept. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "phases/catalogue/snapshot.hpp"

namespace pgphase {

std::string to_json_text(const Snapshot& snapshot);

// An Error of code refused for what another version of pgphase wrote.
Result<Snapshot> snapshot_from_json(std::string_view text);

}  // namespace pgphase
