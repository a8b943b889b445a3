#include "phases/throttle/probe.hpp"

#include "phases/postgres/sqlstate.hpp"
#include "phases/postgres/transaction.hpp"

namespace pgphase {
namespace {

using Clock = std::chrono::steady_clock;

// Adds the time from its making to its end.
class Stopwatch {
 public:
  explicit Stopwatch(Probe::Latency& into) : into_(into), begun_(Clock::now()) {}
  ~Stopwatch() { into_ += Clock::now() - begun_; }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  Probe::Latency& into_;
  Clock::time_point begun_;
};

}  // namespace

Probe::Probe(std::string statement)
    : statement_(std::move(statement)),
      kind_(statement_.empty() ? Result<SqlUse>(SqlUse::writes) : use_of_statement(statement_)) {}

Result<Probe::Latency> Probe::run(Session& session) {
  Latency took{0};
  const auto done = statement_.empty() ? built_in(session, took) : users(session, took);
  if (done || sqlstate::worth_retrying(done.error().sqlstate)) return took;
  return done.error();
}

// By ctid, not by key: where an old snapshot keeps dead versions of the row, a look-up in the index visits all of them,
// and after an hour the probe would measure itself.
Result<void> Probe::built_in(Session& session, Latency& took) {
  for (int attempt = 1; attempt <= 2; ++attempt) {
    if (row_.empty()) PGPHASE_CHECK(find_row(session));
    took = Latency(0);
    const Stopwatch stopwatch(took);
    PGPHASE_TRY(read, session.query("SELECT n FROM pgphase.probe WHERE ctid = $1::tid AND id = 1", {row_}));
    PGPHASE_TRY(
        moved,
        session.query("UPDATE pgphase.probe SET n = n + 1 WHERE ctid = $1::tid AND id = 1 RETURNING ctid", {row_}));
    row_ = moved.empty() ? std::string() : moved[0].text(0);
    if (!read.empty() && !moved.empty()) return {};
    // Another process's probe, or a VACUUM FULL, has moved it: once more from where it is now.
    row_.clear();
  }
  return {};  // it moves faster than we look: the time of the last attempt is as good as any
}

Result<void> Probe::find_row(Session& session) {
  PGPHASE_TRY(found, session.query("SELECT ctid FROM pgphase.probe WHERE id = 1"));
  if (found.empty()) {
    return make_error(Errc::refused, "pgphase.probe has no row 1",
                      "Put it back: INSERT INTO pgphase.probe (id, n) VALUES (1, 0)");
  }
  row_ = found[0].text(0);
  return {};
}

Result<void> Probe::users(Session& session, Latency& took) const {
  if (!kind_) return kind_.error();
  if (*kind_ == SqlUse::writes) {
    // Outside of a block a statement is a transaction of its own: the time to commit is part of what it measures.
    const Stopwatch stopwatch(took);
    PGPHASE_CHECK(session.query(statement_));
    return {};
  }
  auto transaction = Transaction::begin(session, "throttle.probe", "SET TRANSACTION READ ONLY;");
  if (!transaction) return transaction.error();
  const Stopwatch stopwatch(took);
  PGPHASE_CHECK(session.query(statement_));
  return {};
}

}  // namespace pgphase
