// What stops a backfill, in words: where, what was left behind, what to do next. Blocking where a Session is taken.
#pragma once

#include "phases/backfill/bad_rows.hpp"

namespace pgphase {

// PostgreSQL refuses the author's SQL before anything was written.
Error not_compilable(Session& session, const Error& refused, const Target& target, const StepKey& key);

// A row's data. `most`: so many are recorded already, which is the most that may be; 0: none may.
Error stopped_at_row(const BadRow& row, const std::string& leaf, const StepKey& key, std::int64_t most);

// All others are set. `first`: some of the `count` that are recorded, at least one.
Error bad_rows_left(const Target& target, const StepKey& key, const std::vector<PassedOver>& first, std::int64_t count);

// Rows that were set and match still: going on would never end.
Error still_matching(Todo todo, const BatchOutcome& outcome, const Batch& batch, const StepKey& key);

// `why`: a sentence's end.
Error no_index(const StepKey& key, const Target& target, const std::string& why);

Error page_too_slow(const Batch& batch, const BatchLimits& limits, const StepKey& key);

// Rows that others hold. `holders` may be empty.
Error rows_held(std::int64_t rows, const Batch& batch, const std::string& holders);
Error relation_held(const Error& refused, const std::string& leaf, const std::string& holders);

// The check over the whole table.
Error check_cancelled(const Error& cause);
Error check_refused(const Error& cause, const Target& target, const StepKey& key);

// Pass after pass finds something. `found` of them, at most `most` were looked for.
Error never_ending(const Target& target, const StepKey& key, std::int64_t found, std::int64_t most, int passes);
Error update_suppressed(const Target& target, const StepKey& key, std::int64_t found, std::int64_t most);

Error marker_gone(const Target& target, const StepKey& key, const std::string& marker);
Error marker_unknown(const Target& target, std::int64_t rows, const std::string& marker);
Error link_gone(const StepKey& key, const std::string& link_step);
Error room_gone(const StepKey& key, const std::string& keep_step);
Error marker_on_partition(const Target& target);

}  // namespace pgphase
