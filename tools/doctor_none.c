/* doctor_none.c - the checks of `troth doctor` where there is only the library's own API: they say what they are not.
 */
#include "doctor.h"

void doctor_surroundings(struct doctor *doctor)
{
    /* Whether they are well is seen when a credential is acquired and a step is made. */
    doctor->configured = true;
    doctor->kdc = true;
    doctor_find(doctor, "configuration", DOCTOR_UNCHECKED,
                "`nltest /dsgetdc:DOMAIN` finds a domain controller, `w32tm /query /status` tells of the clock",
                "the domain, its controllers and the clock cannot be looked at by way of SSPI");
}

void doctor_target(struct doctor *doctor)
{
    if (doctor->target.service != NULL || doctor->target.principal != NULL) {
        doctor_find(
            doctor, "service", DOCTOR_UNCHECKED,
            "`setspn -Q SERVICE/HOST` tells which account has the name; SSPI takes names as they are given",
            "how the target is registered cannot be looked at by way of SSPI; the first step shows whether it is");
    }
}

void doctor_keytab(struct doctor *doctor)
{
    doctor->keys_well = true;
    doctor_find(doctor, "keytab", DOCTOR_UNCHECKED, "`setspn -L ACCOUNT` lists the names of an account",
                "there are no keytabs: the keys are those of the account that runs this process");
}

void doctor_end(struct doctor *doctor)
{
    (void)doctor;
}
