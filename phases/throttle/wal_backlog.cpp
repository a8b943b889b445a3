#include "phases/throttle/wal_backlog.hpp"

#include <fmt/format.h>

#include <charconv>

#include "phases/postgres/sqlstate.hpp"
#include "phases/throttle/why.hpp"

namespace pgphase {
namespace {

std::optional<std::uint64_t> hex(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Reading backlog_by_archiver(Session& session) {
  constexpr auto k_signal = Signal::archive_backlog;
  // + 1: right after a switch, the position belongs to the next file, and pg_walfile_name() names the one before.
  const auto rows = session.query(
      "SELECT last_archived_wal, pg_walfile_name(pg_current_wal_lsn() + 1), "
      "       (SELECT setting FROM pg_settings WHERE name = 'wal_segment_size') FROM pg_stat_archiver");
  if (!rows) return unreadable(k_signal, why(rows.error()));
  const auto& row = (*rows)[0];
  if (row.is_null(0)) return unreadable(k_signal, "pg_stat_archiver knows of no file that was archived yet");
  const auto bytes = static_cast<std::uint64_t>(row.integer(2));
  const auto last = wal_segment_number(row.text(0), bytes);
  const auto current = wal_segment_number(row.text(1), bytes);
  if (!last || !current) {
    return unreadable(k_signal, fmt::format("the file archived last is {}, which is no WAL file", row.text(0)));
  }
  // The current file is not finished, so it does not wait.
  const auto waiting = *current > *last + 1 ? *current - *last - 1 : 0;
  return {k_signal, static_cast<double>(waiting),
          fmt::format("about {} of WAL since {}, which was archived last",
                      in_words(Unit::files, static_cast<double>(waiting)), row.text(0))};
}

}  // namespace

std::optional<std::uint64_t> wal_segment_number(std::string_view file, std::uint64_t segment_bytes) {
  constexpr std::uint64_t k_log_bytes = 1ULL << 32;
  if (file.size() != 24 || segment_bytes == 0) return std::nullopt;
  const auto timeline = hex(file.substr(0, 8)), log = hex(file.substr(8, 8)), segment = hex(file.substr(16, 8));
  if (!timeline || !log || !segment) return std::nullopt;
  return *log * (k_log_bytes / segment_bytes) + *segment;
}

Reading read_slot_wal(Session& session) {
  const auto rows = session.query(
      "SELECT slot_name, pg_current_wal_lsn() - restart_lsn, active FROM pg_replication_slots "
      " WHERE restart_lsn IS NOT NULL AND wal_status IS DISTINCT FROM 'lost' ORDER BY 2 DESC LIMIT 1");
  if (!rows) return unreadable(Signal::slot_wal, why(rows.error()));
  if (rows->empty()) return {Signal::slot_wal, 0, "no replication slot keeps WAL"};
  const auto& row = (*rows)[0];
  const double bytes = std::max(0.0, row.number(1));
  return {Signal::slot_wal, bytes,
          fmt::format("slot {} keeps {} of WAL{}", row.text(0), in_words(Unit::bytes, bytes),
                      row.boolean(2) ? "" : "; nobody reads from it")};
}

Reading read_archive_backlog(Session& session) {
  const auto mode = session.query("SELECT current_setting('archive_mode')");
  if (!mode) return unreadable(Signal::archive_backlog, why(mode.error()));
  if ((*mode)[0].text(0) == "off") return {Signal::archive_backlog, 0, "WAL is not archived"};
  const auto rows = session.query("SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'");
  if (rows) {
    const double files = (*rows)[0].number(0);
    return {Signal::archive_backlog, files,
            fmt::format("{} of WAL {} for the archiver", in_words(Unit::files, files), files == 1 ? "waits" : "wait")};
  }
  const auto& state = rows.error().sqlstate;
  if (state == sqlstate::insufficient_privilege || state == sqlstate::query_canceled) {
    return backlog_by_archiver(session);
  }
  return unreadable(Signal::archive_backlog, why(rows.error()));
}

}  // namespace pgphase
