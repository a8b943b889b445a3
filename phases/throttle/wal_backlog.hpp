// The signals about WAL that cannot be removed yet: slot_wal and archive_backlog. Either fills the disk when it grows
// without end. Blocking; same threading as the Session.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "phases/postgres/session.hpp"
#include "phases/throttle/signal.hpp"

namespace pgphase {

// Bytes between the worst slot's restart_lsn and the current position; 0 without slots. Every role may read it.
Reading read_slot_wal(Session& session);

// Files whose .ready waits in archive_status, counted where the role may list it (pg_monitor); else, and where the list
// is too long to be read in time, the distance from pg_stat_archiver's last archived file to the current one, which
// every role may read. 0 where nothing is archived.
Reading read_archive_backlog(Session& session);

// The number of the segment that a WAL file's name stands for, counted from the beginning of its timeline; nothing for
// history and backup files. Source of the formula: XLogFromFileName in xlog_internal.h.
std::optional<std::uint64_t> wal_segment_number(std::string_view file, std::uint64_t segment_bytes);

}  // namespace pgphase
