/* windows.h - stands in for Windows' header of this name where the SSPI backend is built against WinPR. */
#ifndef TROTH_TESTS_WINPR_WINDOWS_H
#define TROTH_TESTS_WINPR_WINDOWS_H

#include <winpr/wtypes.h>

#endif
