// Why a signal could not be read, as a clause for Reading::words. Pure, but for the role's name, which is asked for.
// Blocking; same threading as the Session. Private to phases/throttle.
#pragma once

#include <string>
#include <string_view>

#include "phases/postgres/session.hpp"

namespace pgphase {

// "permission denied for table probe (SQLSTATE 42501)"; a timeout says that it was one.
std::string why(const Error& error);

// "the role app may not see other sessions in pg_stat_replication; it needs pg_monitor (or pg_read_all_stats)".
std::string needs_pg_monitor(Session& session, std::string_view view);

}  // namespace pgphase
