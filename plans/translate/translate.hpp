// A file of ordinary SQL as plans: `pgphase split`. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plans/toml/value.hpp"

namespace pgphase {

// A statement, or a part of one, that is in no plan.
struct Untranslated {
  Position at;
  std::string statement;  // its first line
  std::string why;
};

struct TranslatedPlan {
  std::string title;  // what Alembic calls the revision; else empty
  std::string toml;   // all of the file but `requires`, which depends on where it comes to stand
  std::size_t entries = 0;
};

struct Translation {
  std::vector<TranslatedPlan> plans;  // in the order in which they have to run
  std::vector<Untranslated> left;
};

struct TranslateOptions {
  std::string description;  // of the plans
};

// Statements keep their order and their comments. A plan ends where a later statement needs what an earlier one does in
// its constraint phase, and where a revision of Alembic ends ("-- Running upgrade a -> b").
Translation translate_script(std::string_view sql, const TranslateOptions& options);

}  // namespace pgphase
