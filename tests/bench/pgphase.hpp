// The program under measurement, as a person runs it: a project folder, a plan, `pgphase up`. Main thread only.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "tests/bench/table.hpp"
#include "tests/support/temp_dir.hpp"

namespace pgphase::bench {

enum class OldValues {
  none_there,  // the plan adds the column itself
  given_up,    // the column was there; the plan says `irreversible`
  kept,        // the column was there, and a rollback restores what it held
};

struct PgphaseOptions {
  int workers = 1;  // one is the default, and not written into the plan
  OldValues old_values = OldValues::none_there;
  bool in_step = false;       // triggers keep the column in step with writers of both versions
  std::string settings = {};  // more lines for pgphase.toml
};

// What the engine can do, and not how gentle it is: nothing but an empty machine is measured here.
inline constexpr const char* k_full_speed = "[throttle]\nprobe_p95 = \"off\"\n";

// The binary refuses a key of the plan or the settings that this version has not.
class NotBuilt : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct PgphaseRun {
  double seconds = 0;                  // of the command, its start and its end included
  std::int64_t peak_memory_bytes = 0;  // VmHWM, as it was last seen
};

std::string plan_text(const PgphaseOptions& options);

class Pgphase {
 public:
  Pgphase(const std::string& url, const PgphaseOptions& options);

  // All but the backfill: the column is added, or room is made for the old values. Throws NotBuilt.
  void prepare() const;

  // The backfill, until it is done. The ledger must count each row once.
  PgphaseRun fill(Table& table) const;

 private:
  struct Ended;
  Ended run(std::vector<std::string> args, milliseconds limit) const;
  void check_ledger(Table& table) const;

  testing::TempDir project_;
};

std::string pgphase_version();

}  // namespace pgphase::bench
