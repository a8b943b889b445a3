#include "tests/bench/ways.hpp"

#include <fmt/format.h>

namespace pgphase::bench {
namespace {

using std::chrono::steady_clock;

constexpr int k_batch = 1000;

double seconds_since(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

class ByHand : public Way {
 public:
  using Way::Way;
  void prepare(Table& /*table*/) override {}
  WayRun run(Table& table) final {
    const auto begin = steady_clock::now();
    fill(table);
    return {seconds_since(begin), {}};
  }

 private:
  virtual void fill(Table& table) = 0;
};

class BlockingUpdate : public ByHand {
  using ByHand::ByHand;
  void fill(Table& table) override {
    table.session().exec("UPDATE accounts SET email_norm = lower(email) WHERE email_norm IS NULL",
                         limit_for(table.shape().rows));
  }
};

// A transaction a batch, in the order of the key; the first statement finds where the batch ends.
class KeysetBatches : public ByHand {
  using ByHand::ByHand;
  void fill(Table& table) override {
    const auto key = key_name(table.shape().key);
    std::string after;
    while (true) {
      const auto from = after.empty() ? "true" : fmt::format("{} > '{}'", key, after);
      const auto ends =
          table.session().query(fmt::format("SELECT {0} FROM (SELECT {0} FROM accounts WHERE {1} ORDER BY {0} LIMIT "
                                            "{2}) AS batch ORDER BY {0} DESC LIMIT 1",
                                            key, from, k_batch));
      if (ends.empty()) return;
      const auto end = ends[0].at(0).value();
      table.session().exec(
          fmt::format("UPDATE accounts SET email_norm = lower(email) WHERE {} AND {} <= '{}' AND email_norm IS NULL",
                      from, key, end));
      after = end;
    }
  }
};

// A row trigger computes the value, for writers of the application and for the backfill alike; a flag tells which rows
// have not been through it; batches write the key over itself, so that it fires.
class TriggerDrivenBatches : public ByHand {
  using ByHand::ByHand;
  void prepare(Table& table) override {
    table.session().exec(
        "ALTER TABLE accounts ADD COLUMN needs_backfill boolean DEFAULT true;"
        "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.email_norm := lower(NEW.email); NEW.needs_backfill := false; RETURN NEW; END $$;"
        "CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION fill()");
  }
  void fill(Table& table) override {
    const auto key = key_name(table.shape().key);
    std::string after;
    while (true) {
      const auto ends = table.session().query(
          fmt::format("WITH batch AS (SELECT {0} FROM accounts WHERE needs_backfill AND {1} ORDER BY {0} LIMIT {2} FOR "
                      "NO KEY UPDATE), "
                      "touched AS (UPDATE accounts SET {0} = accounts.{0} FROM batch WHERE accounts.{0} = batch.{0} "
                      "RETURNING accounts.{0}) SELECT {0} FROM touched ORDER BY {0} DESC LIMIT 1",
                      key, after.empty() ? "true" : fmt::format("{} > '{}'", key, after), k_batch));
      if (ends.empty()) return;
      after = ends[0].at(0).value();
    }
  }
};

class WithPgphase : public Way {
 public:
  WithPgphase(std::string id, std::string title, PgphaseOptions options)
      : Way(std::move(id), std::move(title),
            options.old_values == OldValues::none_there ? Target::none : Target::with_text),
        options_(std::move(options)) {}

  void prepare(Table& table) override {
    pgphase_ = std::make_unique<Pgphase>(table.url(), options_);
    pgphase_->prepare();
  }
  WayRun run(Table& table) override {
    const auto run = pgphase_->fill(table);
    return {run.seconds, run.peak_memory_bytes};
  }

 private:
  PgphaseOptions options_;
  std::unique_ptr<Pgphase> pgphase_;  // of the table at hand
};

}  // namespace

std::unique_ptr<Way> blocking_update() {
  return std::make_unique<BlockingUpdate>(k_blocking_update, "one blocking UPDATE", Target::added);
}

std::unique_ptr<Way> keyset_batches() {
  return std::make_unique<KeysetBatches>("keyset", "keyset batches of 1000", Target::added);
}

std::unique_ptr<Way> trigger_driven_batches() {
  return std::make_unique<TriggerDrivenBatches>(k_trigger_driven, "trigger-driven batches of 1000", Target::added);
}

std::unique_ptr<Way> with_pgphase(std::string id, std::string title, PgphaseOptions options) {
  return std::make_unique<WithPgphase>(std::move(id), std::move(title), std::move(options));
}

}  // namespace pgphase::bench
