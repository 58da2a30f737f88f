/* windows.h - stands in for Windows' header of this name where the SSPI backend is built against WinPR. */
#ifndef TROTH_TESTS_WINPR_WINDOWS_H
#define TROTH_TESTS_WINPR_WINDOWS_H

#include <winpr/security.h>
#include <winpr/wtypes.h>

#define SE_GROUP_ENABLED 0x4u
#define SE_GROUP_USE_FOR_DENY_ONLY 0x10u
#define SE_GROUP_INTEGRITY 0x20u

#endif
