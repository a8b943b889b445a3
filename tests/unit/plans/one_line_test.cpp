#include "plans/base/one_line.hpp"

#include <gtest/gtest.h>

namespace pgphase {
namespace {

TEST(OneLine, LeavesOrdinaryTextAlone) {
  EXPECT_EQ(one_line("Priorities, für alle ✓"), "Priorities, für alle ✓");
  EXPECT_EQ(one_line(""), "");
}

TEST(OneLine, MakesBlanksOfWhatBreaksALine) {
  EXPECT_EQ(one_line("\n first\r\n\tsecond  third\n"), "first second third");
  EXPECT_EQ(one_line("\n\n"), "");
}

TEST(OneLine, LeavesATerminalNothingToObey) {
  EXPECT_EQ(one_line("a\033[2Jb\007\177c"), "a [2Jb c");
  EXPECT_EQ(one_line("a\u009b"
                     "2Jb"),
            "a 2Jb");                         // CSI as one character
  EXPECT_EQ(one_line("\xc2"), "\xc2");        // cut off
  EXPECT_EQ(one_line("\u00a0x"), "\u00a0x");  // no-break space is none of them
}

}  // namespace
}  // namespace pgphase
