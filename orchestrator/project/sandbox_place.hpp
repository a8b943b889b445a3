// Where a project's sandbox server keeps its state: the same folder for every command of one project and one user, so
// that `sandbox start`, `url` and `stop` find each other (phases/postgres/sandbox.hpp). Blocking; any thread.
#pragma once

#include <filesystem>

#include "orchestrator/settings/dotenv.hpp"
#include "plans/base/result.hpp"

namespace pgphase {

// A folder below XDG_RUNTIME_DIR, or below /tmp where that is not a folder of ours; named after the user and the
// project's canonical path; mode 0700. Made if it is missing. Errc::refused when something else is there in its place:
// a link, another user's folder, or one that others may enter. In /tmp anybody could have put it there, with a
// server.json of their own in it.
Result<std::filesystem::path> sandbox_place(const std::filesystem::path& project, const Environment& environment);

}  // namespace pgphase
