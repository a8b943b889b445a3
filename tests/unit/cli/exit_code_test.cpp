#include "orchestrator/cli/exit_code.hpp"

#include <gtest/gtest.h>

namespace pgphase {
namespace {

// Pipelines have these numbers in their scripts: a change here breaks them.
TEST(ExitCode, OfEachKindOfError) {
  const std::pair<Errc, int> k_promised[] = {
      {Errc::usage, 2},          {Errc::plan_rejected, 20}, {Errc::refused, 21},     {Errc::lock_budget, 30},
      {Errc::verify_failed, 40}, {Errc::step_failed, 41},   {Errc::unreachable, 50}, {Errc::session_lost, 50},
      {Errc::in_doubt, 50},      {Errc::lease_held, 60},    {Errc::lease_lost, 60},  {Errc::cancelled, 12},
      {Errc::sql, 41},           {Errc::bug, 70},
  };
  for (const auto& [code, exit_code] : k_promised) EXPECT_EQ(static_cast<int>(exit_code_for(code)), exit_code);
}

TEST(ExitCode, OfWhatIsNoError) {
  EXPECT_EQ(static_cast<int>(ExitCode::done), 0);
  EXPECT_EQ(static_cast<int>(ExitCode::at_gate), 10);
  EXPECT_EQ(static_cast<int>(ExitCode::paused), 11);
  EXPECT_EQ(static_cast<int>(ExitCode::differs), 42);
}

}  // namespace
}  // namespace pgphase
