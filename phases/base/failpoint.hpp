// Failpoints: named instants at which a test may kill this process. Compiled out unless PGPHASE_FAILPOINTS is defined
// (every preset but release).
//
// PGPHASE_FAILPOINT=name[:n]   raise SIGKILL at the n-th time (default 1) that `name` is passed
// PGPHASE_FAILPOINT_LOG=file   append each name passed, one a line; how a test learns which points exist
#pragma once

#include <string_view>

namespace pgphase {

#ifdef PGPHASE_FAILPOINTS
// Any thread.
void failpoint(std::string_view where, std::string_view when);
#else
inline void failpoint(std::string_view, std::string_view) {}
#endif

}  // namespace pgphase
