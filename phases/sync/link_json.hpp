// A link as the ledger keeps it. Pure; any thread.
#pragma once

#include <string>

#include "phases/sync/function.hpp"
#include "plans/base/result.hpp"

namespace pgphase {

std::string to_json_text(const SyncLink& link);  // without its key
// Errc::bug for what to_json_text cannot have written.
Result<SyncLink> sync_link_from_json(const std::string& text);

}  // namespace pgphase
