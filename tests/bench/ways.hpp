// The ways to fill the column, each as whoever does it so would do it: by hand, with other tools' statements, with
// pgphase. Main thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/bench/pgphase.hpp"
#include "tests/bench/table.hpp"

namespace pgphase::bench {

struct WayRun {
  double seconds = 0;
  std::optional<std::int64_t> peak_memory_bytes;
};

class Way {
 public:
  Way(std::string id, std::string title, Target target)
      : id_(std::move(id)), title_(std::move(title)), target_(target) {}
  virtual ~Way() = default;
  Way(const Way&) = delete;
  Way& operator=(const Way&) = delete;

  const std::string& id() const { return id_; }        // for options and JSON
  const std::string& title() const { return title_; }  // for people
  Target target() const { return target_; }            // how the table must be loaded

  // Whatever is not measured. Throws NotBuilt.
  virtual void prepare(Table& table) = 0;
  virtual WayRun run(Table& table) = 0;

 private:
  std::string id_, title_;
  Target target_;
};

constexpr const char* k_blocking_update = "blocking_update";  // ids of what others are compared with
constexpr const char* k_trigger_driven = "trigger_driven";

std::unique_ptr<Way> blocking_update();
std::unique_ptr<Way> keyset_batches();
std::unique_ptr<Way> trigger_driven_batches();
std::unique_ptr<Way> with_pgphase(std::string id, std::string title, PgphaseOptions options);

}  // namespace pgphase::bench
